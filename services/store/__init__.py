"""The store of a site: one database, SQLite or PostgreSQL, that several processes open.

    hub ────── writes everything ──────▶ ┌──────────┐
                                         │ database │
    console ── answers, users, audit ──▶ └──────────┘ ──▶ console reads everything

``store.Store`` opens it. Each other file has one subject and its tables, which
``tables`` lists. Not here: what an alarm or an event means (``pipelines.live``).
"""
