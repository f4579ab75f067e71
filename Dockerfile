# Builds the wheel from the checkout and installs it, with what the lock file names, into an environment that a slim image takes over.
FROM python:3.13-slim AS build
WORKDIR /src
RUN python -m pip install --no-cache-dir build hatchling
COPY requirements/runtime.lock /tmp/runtime.lock
RUN python -m venv /opt/solovirt && /opt/solovirt/bin/pip install --no-cache-dir --require-hashes -r /tmp/runtime.lock
COPY . .
RUN python -m build --wheel --no-isolation --outdir /dist \
 && /opt/solovirt/bin/pip install --no-cache-dir --no-deps /dist/*.whl \
 && /opt/solovirt/bin/pip uninstall --yes pip \
 && /opt/solovirt/bin/python -m compileall -q /opt/solovirt/lib

FROM python:3.13-slim
# qemu-img converts the disks of `volumes: files`.
RUN apt-get update -qq \
 && apt-get install -qq -y --no-install-recommends qemu-utils \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10107 --create-home --home-dir /var/lib/solovirt solovirt
COPY --from=build /opt/solovirt /opt/solovirt
USER solovirt
ENV PATH=/opt/solovirt/bin:$PATH \
    SOLOVIRT_DATA_DIR=/var/lib/solovirt SOLOVIRT_LISTEN=0.0.0.0:6443 SOLOVIRT_LOG_FORMAT=json
VOLUME /var/lib/solovirt
EXPOSE 6443
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["solovirt", "health"]
ENTRYPOINT ["solovirt"]
CMD ["up"]
