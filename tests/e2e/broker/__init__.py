"""What the receiver does when its broker fails it. Each test sends signed deliveries through a fault and its healing."""
