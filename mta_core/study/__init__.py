"""The study "Adversarial Robustness in Multi-Task Learning": what it measures that nothing else here does."""
