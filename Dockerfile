# One image for web, worker and beat; compose.yaml says which is which.
FROM python:3.11-slim-bookworm AS packages
COPY requirements.txt .
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir --require-hashes -r requirements.txt

FROM python:3.11-slim-bookworm
# The libraries and the font that PDF needs.
RUN apt-get update \
 && apt-get install -y --no-install-recommends libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-dejavu-core \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --create-home --uid 10001 openfire
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 MEDIA_ROOT=/data/media
WORKDIR /app
COPY --from=packages /venv /venv
COPY . .
# Static files are gathered once, here; the two values only satisfy the settings and stay in this layer's command.
RUN SECRET_KEY=unused REDIS_URL=redis://unused python manage.py collectstatic --no-input --verbosity 0 \
 && mkdir -p /data/media var && chown -R openfire:openfire /data var
USER openfire
VOLUME /data
EXPOSE 8000
# Threads: a request mostly waits for the database. The heartbeat file in memory: a slow disk must not look like a dead worker.
CMD ["gunicorn", "openfire_billing.wsgi:application", "--bind=0.0.0.0:8000", "--worker-class=gthread", \
     "--workers=2", "--threads=4", "--worker-tmp-dir=/dev/shm", "--no-control-socket", "--access-logfile=-"]
