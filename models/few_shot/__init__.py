"""Learning from a few labelled clips: fine-tuning, Tip-Adapter, a linear probe."""
