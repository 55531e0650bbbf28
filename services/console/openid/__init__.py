"""Logins by an OpenID Connect provider; the library Authlib speaks with it.

``under_way`` keeps what a login has begun with, ``provider`` asks the provider,
``rights`` reads what its claims allow, and ``users`` keeps whom it has named.
"""
