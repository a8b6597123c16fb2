"""The app that the client's wire tests talk to; nobody answers there but `responses`."""

from uuid import UUID

URI = "http://instant.test"
APP = "11111111-2222-4333-8444-555555555555"
TOKEN = "99999999-8888-4777-8666-555555555555"
REFRESH = "77777777-8888-4777-8666-555555555555"
ID = UUID("ffff0000-0000-4000-8000-000000000001")
