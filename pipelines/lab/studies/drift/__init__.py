"""The drift study: the rate of false alerts, and which changes are detected.

streams    block series without any change ─┐
injections changes of a camera's pictures   ├─▶ runs ─▶ DriftMonitor ─▶ report
bank       footage measured with each change┘
"""
