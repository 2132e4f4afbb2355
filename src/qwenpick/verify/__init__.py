"""Was the prediction right? One parser per engine reads what it really allocated (`logs.py`); the rest compares (`predicted.py`)."""
