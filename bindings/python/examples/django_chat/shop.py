"""The application that is there already, as small as Django allows: users, a log-in, a front page.

    python shop.py migrate && python shop.py createsuperuser
    uvicorn shop:application
"""
import os
import sys

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings")

from django.core.asgi import get_asgi_application  # noqa: E402

application = get_asgi_application()

from django.contrib.auth.views import LoginView  # noqa: E402
from django.core.management import execute_from_command_line  # noqa: E402
from django.http import HttpResponse  # noqa: E402
from django.urls import include, path  # noqa: E402

urlpatterns = [
    path("", lambda request: HttpResponse(f"Good day, {request.user.get_username()}")),
    path("login", LoginView.as_view(template_name="login.html")),
    path("chat/", include("chat")),  # all that chat takes
]

if __name__ == "__main__":
    execute_from_command_line(sys.argv)
