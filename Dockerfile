# Two stages: the first makes a virtual environment from the lock, the second has nothing but it.
FROM python:3.11-slim-bookworm AS build
WORKDIR /src
RUN python -m venv /opt/passerelle
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
COPY requirements/runtime.lock requirements/
RUN /opt/passerelle/bin/pip install --require-hashes -r requirements/runtime.lock
# The build backend is pinned in pyproject.toml and gets an environment of its own that does not reach the image.
COPY pyproject.toml README.md LICENSE ./
COPY shim shim
COPY adapters adapters
COPY assess assess
COPY recording recording
COPY conformance conformance
COPY pytest_passerelle pytest_passerelle
# `assess` quotes some pages, so the wheel has them.
COPY docs docs
RUN pip wheel --no-deps -w /wheels . && /opt/passerelle/bin/pip install --no-deps /wheels/*.whl

FROM python:3.11-slim-bookworm
LABEL org.opencontainers.image.title="passerelle" \
      org.opencontainers.image.description="A gateway that makes an OpenStack cloud answer the AWS API" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/passerelle /opt/passerelle
RUN groupadd --system --gid 42888 passerelle \
 && useradd --system --uid 42888 --gid passerelle --home-dir /var/lib/passerelle --create-home --shell /usr/sbin/nologin passerelle
ENV PATH=/opt/passerelle/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PASSERELLE_HOST=0.0.0.0 \
    PASSERELLE_PORT=8788 \
    PASSERELLE_METRICS_HOST=0.0.0.0 \
    PASSERELLE_METRICS_PORT=8789 \
    PASSERELLE_STATE_DIR=/var/lib/passerelle
USER 42888:42888
WORKDIR /var/lib/passerelle
EXPOSE 8788 8789
# The metrics listener never speaks TLS, so one probe fits every configuration.
HEALTHCHECK --interval=30s --timeout=5s --start-period=15s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen('http://127.0.0.1:' + os.environ['PASSERELLE_METRICS_PORT'] + '/healthcheck', timeout=4)"]
STOPSIGNAL SIGTERM
# clouds.yaml is mounted, never built in: /etc/openstack/clouds.yaml is where openstacksdk looks.
ENTRYPOINT ["passerelle"]
CMD ["serve"]
