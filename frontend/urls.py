"""Page addresses."""

urlpatterns: list = []
