"""Page addresses."""

from django.contrib.auth.views import LogoutView
from django.urls import path

from frontend.views import session, start

urlpatterns = [
    path("", session.home, name="home"),
    path("accounts/login/", session.Login.as_view(), name="login"),
    path("accounts/logout/", LogoutView.as_view(), name="logout"),
    path("accounts/password/", session.Password.as_view(), name="password"),
    path("accounts/new/<str:token>/", session.new_password, name="new_password"),
    path("accounts/language/", session.language, name="language"),
    path("first-run/<str:token>/", start.first_run, name="first_run"),
    path("settings/start/", start.start, name="start"),
    path("alarms", session.alarms, name="alarms"),
]
