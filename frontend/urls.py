"""Page addresses."""

from django.contrib.auth.views import LogoutView
from django.urls import include, path

from frontend.views import (
    my,
    records,
    session,
    settings,
    start,
    week,
    week_exports,
    week_hotspots,
)
from frontend.views.live import live

urlpatterns = [
    path("", session.home, name="home"),
    path("accounts/login/", session.Login.as_view(), name="login"),
    path("accounts/logout/", LogoutView.as_view(), name="logout"),
    path("accounts/password/", session.Password.as_view(), name="password"),
    path("accounts/new/<str:token>/", session.new_password, name="new_password"),
    path("accounts/language/", session.language, name="language"),
    path("first-run/<str:token>/", start.first_run, name="first_run"),
    path("live/", live, name="live"),
    path("alarms", session.alarms, name="alarms"),
    path("week/", week.week, name="week"),
    path("week/figures.csv", week_exports.week_csv, name="week_csv"),
    path("week/bulletin/", week_exports.bulletin, name="bulletin"),
    path("week/hotspots/", week_hotspots.week_hotspots, name="week_hotspots"),
    path("week/map/", week_exports.week_map, name="week_map"),
    path("week/open/", week.open_trail, name="open_trail"),
    path("week/review/", week.review, name="review"),
    path("week/answer/", week.answer, name="answer"),
    path("my/", my.my, name="my"),
    path("my/trail/", my.my_trail, name="my_trail"),
    path("my/patrol/start/", my.start_patrol, name="start_patrol"),
    path("my/patrol/end/", my.end_patrol, name="end_patrol"),
    path("my/sos/", my.sos, name="sos"),
    path("my/notice/", my.accept_notice, name="accept_notice"),
    path("my/dispute/", my.dispute, name="dispute"),
    path("my/positions.csv", my.my_positions, {"ending": "csv"}, name="my_csv"),
    path("my/positions.geojson", my.my_positions, {"ending": "geojson"}, name="my_geojson"),
    path("plan/", include("frontend.views.plan")),
    path("records/", records.imports, name="records"),
    path("records/imports/<int:pk>/", records.import_report, name="import_report"),
    path("records/looks/", records.looks, name="looks"),
    path("records/phones/", records.phones, name="phones"),
    path("records/phones/enrol/", records.enrol, name="enrol"),
    path("records/phones/<int:pk>/", records.act_on_phone, name="act_on_phone"),
    path("settings/", settings.settings_page, name="settings"),
    path("settings/bureau/", settings.bureau_facts, name="bureau_facts"),
    path("settings/notice/", settings.notice, name="notice"),
    path("settings/accounts/<int:pk>/reset/", settings.make_reset_link, name="make_reset_link"),
    path("settings/start/", start.start, name="start"),
    path("settings/start/upload/", start.upload, name="upload"),
    path("settings/start/upload/<str:key>/", start.upload_status, name="upload_status"),
]
