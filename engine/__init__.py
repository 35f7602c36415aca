"""The world: how customers behave, what offers do to them, and what they bring."""

from engine.arrivals import THERE, Arrivals
from engine.calendar import Calendar, Epoch
from engine.errors import CalendarError, CalibrationError, EngineError, PopulationError, WorldError
from engine.ledger import Ledger
from engine.population import NEVER, Population, State, Traits, make_population
from engine.rng import CONTROL, SAMPLE, STRATEGY, uniforms
from engine.season import Season
from engine.service import Service, Shift, Team, Trust
from engine.shards import Totals, simulate_in_shards
from engine.simulate import Planner, simulate
from engine.simulation import Simulation
from engine.world import NO_CATEGORY, NO_SEGMENT, Arm, Economics, Fatigue, OrderValue, Segments, World

__all__ = [
    "CONTROL",
    "NEVER",
    "NO_CATEGORY",
    "NO_SEGMENT",
    "SAMPLE",
    "STRATEGY",
    "THERE",
    "Arm",
    "Arrivals",
    "Calendar",
    "CalendarError",
    "CalibrationError",
    "Economics",
    "EngineError",
    "Epoch",
    "Fatigue",
    "Ledger",
    "OrderValue",
    "Planner",
    "Population",
    "PopulationError",
    "Season",
    "Segments",
    "Service",
    "Shift",
    "Simulation",
    "State",
    "Team",
    "Totals",
    "Traits",
    "Trust",
    "World",
    "WorldError",
    "make_population",
    "simulate",
    "simulate_in_shards",
    "uniforms",
]
