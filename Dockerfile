FROM python:3.13-slim AS build

WORKDIR /build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
RUN python -m venv --without-pip /opt/driftline
COPY requirements.lock .ci/build.lock ./
RUN pip install --require-hashes --only-binary :all: -r build.lock \
 && pip --python /opt/driftline/bin/python install --require-hashes --only-binary :all: -r requirements.lock
COPY pyproject.toml README.md ./
COPY engine engine
COPY connectors connectors
COPY streams streams
RUN pip wheel --no-deps --no-build-isolation --wheel-dir dist . \
 && pip --python /opt/driftline/bin/python install --no-deps --no-index dist/*.whl


FROM python:3.13-slim

RUN useradd --uid 10001 --user-group --no-create-home --home-dir /data driftline \
 && install -d -o driftline -g driftline /app /data
COPY --from=build /opt/driftline /opt/driftline
ENV PATH=/opt/driftline/bin:$PATH \
    PYTHONHASHSEED=0 \
    PYTHONUNBUFFERED=1 \
    DRIFTLINE_SPEC=/app/driftline.yaml
VOLUME /data
WORKDIR /data
EXPOSE 8080
USER 10001:10001
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8080/healthz', timeout=4)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["driftline"]
CMD ["run"]
