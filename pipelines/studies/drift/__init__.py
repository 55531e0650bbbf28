"""The drift study: how often stable streams alert falsely, and what drift is found.

streams    block series without any change ─┐
injections changes of a camera's pictures   ├─▶ runs ─▶ DriftMonitor ─▶ report
bank       footage measured with each change┘
"""
