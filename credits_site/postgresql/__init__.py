"""Django's PostgreSQL, with an end to every wait: `ENGINE` of `DATABASES`."""
