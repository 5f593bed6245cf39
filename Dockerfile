# One image for every command: docker run recount replay --help
# Nothing is written outside /tmp: run it with a read-only root and a small tmpfs there.
FROM python:3.11-slim AS build
WORKDIR /src
RUN python -m venv /opt/recount
COPY requirements.lock .
RUN /opt/recount/bin/pip install --no-cache-dir --require-hashes --requirement requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY schemas schemas
COPY service service
RUN /opt/recount/bin/pip install --no-cache-dir --no-deps .

FROM python:3.11-slim
COPY --from=build /opt/recount /opt/recount
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin recount
USER 10001
WORKDIR /tmp
ENV PATH=/opt/recount/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 RECOUNT_HEALTH_PORT=9464
EXPOSE 9464
# For what runs on; a command that ends is gone before it is asked.
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=4 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:9464/livez', timeout=3)"]
ENTRYPOINT ["recount"]
CMD ["--help"]
