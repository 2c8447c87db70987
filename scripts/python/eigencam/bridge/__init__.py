"""Bridges: a stage's results in the trackers where people already look.

    python -m eigencam.bridge mlflow --tracking-uri http://127.0.0.1:5000
    python -m eigencam.bridge wandb --project heat --offline

Each subscribes to a stage (it may come and go), keeps what comes in a small SQLite file until
the tracker has it, and remembers what the tracker has: nothing is logged twice, and what could
not be logged is counted and said.
"""
