"""The labels of schema.yaml as the plain integers that Snorkel works with: their position, and -1 to abstain."""

ABSTAIN = -1
DELIVERY, BILLING, RETURNS, TECHNICAL, ACCOUNT, FEEDBACK = range(6)
