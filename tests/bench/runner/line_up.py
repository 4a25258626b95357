"""Who takes part, in the order of their turns."""

from runner.peers import GoReceiver, Nginx, NodeReceiver
from runner.subjects import KeystrandReceiver, KeystrandWorker, Receiver, Worker

RECEIVERS: list[Receiver] = [KeystrandReceiver(), GoReceiver(), NodeReceiver(), Nginx()]
WORKERS: list[Worker] = [KeystrandWorker()]
BASELINE = GoReceiver.name  # what ratios in the table refer to
