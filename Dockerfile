# Tandem's image: one for web, live, ticker and worker. Not built here yet; linted by `make check`.

# The browser libraries, from their lock.
FROM node:22.20-bookworm-slim AS browser
WORKDIR /build
COPY frontend/package.json frontend/package-lock.json frontend/.npmrc ./
RUN npm ci --omit=dev --ignore-scripts

# The Python packages, from their lock with hashes.
FROM python:3.13-slim-bookworm AS packages
COPY requirements/uv.txt requirements/base.txt /locks/
RUN python -m venv /uv \
    && /uv/bin/pip install --no-cache-dir --require-hashes -r /locks/uv.txt \
    && /uv/bin/uv venv --python /usr/local/bin/python /venv \
    && /uv/bin/uv pip sync --no-cache --require-hashes --python /venv/bin/python /locks/base.txt

FROM python:3.13-slim-bookworm
# Debian's own versions: security fixes come with each build.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends gdal-bin gettext \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --system --gid 900 tandem \
    && useradd --system --uid 900 --gid 900 --home-dir /app --shell /usr/sbin/nologin tandem
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    TANDEM_VAR=/var/lib/tandem \
    STATIC_ROOT=/app/static
WORKDIR /app
COPY --from=packages /venv /venv
COPY . .
COPY --from=browser /build/node_modules frontend/node_modules
# Translations and static files are part of the image; the key made here is thrown away with it.
RUN for po in frontend/locale/*/LC_MESSAGES/*.po; do \
        if [ -f "$po" ]; then msgfmt --check-format -o "${po%.po}.mo" "$po"; fi; \
    done \
    && mkdir -p /var/lib/tandem \
    && SECRET_KEY=only-for-this-step python manage.py collectstatic --no-input \
    && chown -R tandem:tandem /var/lib/tandem
USER 900:900
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=4 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/health', timeout=4)"]
CMD ["gunicorn", "config.wsgi:application", "--bind", "0.0.0.0:8000", "--workers", "2", \
     "--threads", "4", "--timeout", "60", "--worker-tmp-dir", "/dev/shm"]
