"""The study "Adversarial Robustness in Multi-Task Learning: Promises and Illusions", made again on our data."""
