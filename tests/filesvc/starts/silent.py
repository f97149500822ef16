"""A program that never says that it is ready."""

import time

while True:
    time.sleep(60)
