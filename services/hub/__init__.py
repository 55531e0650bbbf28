"""The hub: the store, the outbox, readiness and metrics of one site.

Not here: the ways out to a broker (``services.delivery``).
"""
