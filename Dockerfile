# One image for every role: `shoal schedule`, `worker`, `server`, `judge`, `lab`.
# BASE is any Debian image with Python 3.11 or newer and its venv module.
ARG BASE=python:3.13-slim

FROM ${BASE} AS build
WORKDIR /src
COPY requirements/build.txt requirements/runtime.txt requirements/
RUN python3 -m venv /opt/build \
 && /opt/build/bin/pip install --no-cache-dir --require-hashes -r requirements/build.txt \
 && python3 -m venv /opt/shoal \
 && /opt/shoal/bin/pip install --no-cache-dir --require-hashes -r requirements/runtime.txt
COPY pyproject.toml README.md LICENSE ./
COPY src src
RUN /opt/build/bin/pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /wheels . \
 && /opt/shoal/bin/pip install --no-cache-dir --no-deps --no-index /wheels/*.whl \
 && /opt/shoal/bin/pip uninstall --yes pip \
 && /opt/shoal/bin/python -m compileall -q /opt/shoal/lib || true

FROM build AS country
# Country of exits: the table that Tor ships (IPFire's, CC BY-SA 4.0), as the database that Shoal reads.
COPY tools/country_database.py tools/
RUN apt-get update && cd /tmp && apt-get download tor-geoipdb && dpkg-deb -x tor-geoipdb_*.deb /tmp/tor \
 && /opt/shoal/bin/python /src/tools/country_database.py /tmp/tor/usr/share/tor /country.mmdb

FROM ${BASE}
RUN groupadd --gid 10001 shoal && useradd --uid 10001 --gid 10001 --home-dir /data --no-create-home shoal \
 && install -d -o shoal -g shoal /data /lab
COPY --from=build /opt/shoal /opt/shoal
COPY --from=country /country.mmdb /usr/share/shoal/country.mmdb
ENV PATH=/opt/shoal/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    SHOAL_LOG=json \
    SHOAL_STORE_DATA=/data \
    SHOAL_GEO_COUNTRY=/usr/share/shoal/country.mmdb \
    SHOAL_HEALTH_FILE=/tmp/shoal.alive
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 5010 5011 5012
HEALTHCHECK --interval=5s --timeout=4s --start-period=60s --retries=6 CMD ["shoal", "health"]
ENTRYPOINT ["shoal"]
CMD ["up"]
