"""The contact centre: queues, staff, and what waiting does to trust."""

from engine.service.desk import Service, Shift, Team, Trust

__all__ = ["Service", "Shift", "Team", "Trust"]
