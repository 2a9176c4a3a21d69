# One image for every process: docker run IMAGE [serve | worker | tick | upgrade-db | any other sidecar command]
FROM python:3.11-slim

ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PIP_NO_CACHE_DIR=1 \
    SIDECAR_HOME=/var/lib/sidecar \
    SIDECAR_BIND=0.0.0.0:8000

RUN useradd --system --uid 10001 --home-dir /var/lib/sidecar --create-home sidecar

WORKDIR /app
COPY requirements.lock ./
RUN pip install --disable-pip-version-check --require-hashes -r requirements.lock
COPY sidecar ./sidecar
COPY jobs ./jobs
COPY mappings ./mappings
COPY docs ./docs
COPY plugin_manifest ./plugin_manifest

USER sidecar
VOLUME /var/lib/sidecar
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/live', timeout=4)"]
ENTRYPOINT ["python", "-m", "sidecar"]
CMD ["serve"]
