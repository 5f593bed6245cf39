# One image for every command: docker run recount replay --help
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
RUN useradd --system --uid 10001 --create-home recount
USER recount
WORKDIR /home/recount
ENV PATH=/opt/recount/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
ENTRYPOINT ["recount"]
CMD ["--help"]
