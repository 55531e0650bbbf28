"""The crash test: a hub that is killed again and again must lose and invent nothing.

    reports ──pipe──▶ hub, killed ──gate──▶ real broker ──▶ what is heard
       ▲──accepted──────┘ ▲ ▲── answers by MQTT ── people
                          │ └── answers in the store ──┘
                        steps: where it is killed

A report that was not accepted is sent again to the next hub, as watchers do. A message
may come twice with the same id.
"""
