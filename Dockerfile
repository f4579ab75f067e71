# Builds the wheel from the checkout and installs it, with what the lock file names, into a slim image.
FROM python:3.13-slim AS build
WORKDIR /src
COPY . .
RUN python -m pip install --no-cache-dir build hatchling && python -m build --wheel --no-isolation --outdir /dist

FROM python:3.13-slim
RUN useradd --system --uid 10107 --create-home --home-dir /var/lib/solovirt solovirt
COPY requirements/runtime.lock /tmp/runtime.lock
COPY --from=build /dist/*.whl /tmp/
RUN pip install --no-cache-dir --require-hashes -r /tmp/runtime.lock \
 && pip install --no-cache-dir --no-deps /tmp/*.whl \
 && rm /tmp/*.whl /tmp/runtime.lock
USER solovirt
ENV SOLOVIRT_DATA_DIR=/var/lib/solovirt SOLOVIRT_LISTEN=0.0.0.0:6443 SOLOVIRT_LOG_FORMAT=json
VOLUME /var/lib/solovirt
EXPOSE 6443
ENTRYPOINT ["solovirt"]
CMD ["up"]
