"""Audits and drift: what is drawn, answered, estimated, certified and watched."""
