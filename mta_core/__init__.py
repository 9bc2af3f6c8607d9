"""Multi-task adversarial attacks: budgets, tasks, victims, generators, attacks, data, training and evaluation."""

__version__ = "0.1.0"
