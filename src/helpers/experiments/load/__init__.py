"""Load on a service: schedules, sending on time, what it says, and models of waiting and scaling."""
