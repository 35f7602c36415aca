"""Contact centres for tests."""

from engine import Service, Shift, Team, Trust


def team(agents=3, hours=8.0, skills=(0,), name="all", shifts=None, cost=20.0):
    return Team(name, skills, shifts or (Shift(0.0, hours, agents),), cost)


def service(**kw):
    given = {
        "contacts_per_order": 0.6,
        "contacts_per_customer": 0.1,
        "minutes": 40.0,
        "patience_minutes": 20.0,
        "days": 1.0,
        "hours_per_day": 8.0,
        "teams": (team(2),),
        "trust": Trust(0.3, 0.01, 0.2),
    }
    return Service(**given | kw)
