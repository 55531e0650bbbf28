"""The console: web pages for carers and administrators, in a process of its own.

    store ──reads──▶ console ──pages, events──▶ browsers
      ▲                 │
      └──answers, users, audit

It reads the store and writes only answers, users and the audit. Nothing here takes part
in watching: if the console dies, alarms still go out. Recognition, cameras and MQTT
belong elsewhere.
"""
