# docker build --tag roster .
# By a package index of your own: docker build --secret id=pip,src=pip.conf --tag roster .
ARG PYTHON_IMAGE=python:3.13-slim

FROM ${PYTHON_IMAGE} AS build
WORKDIR /build
ENV PIP_NO_CACHE_DIR=1 \
    PIP_ROOT_USER_ACTION=ignore

# What Roster runs on; before Roster itself, so that a change of ours does not install it again.
COPY requirements.lock ./
RUN --mount=type=secret,id=pip,target=/etc/pip.conf \
    python -m venv --without-pip /opt/roster \
    && python -m pip --python /opt/roster install --require-hashes --only-binary :all: --requirement requirements.lock

# What builds Roster, by hash as well: build isolation would fetch the newest.
COPY .ci/build.lock ./
RUN --mount=type=secret,id=pip,target=/etc/pip.conf \
    python -m pip install --require-hashes --only-binary :all: --requirement build.lock

COPY LICENSE README.md alembic.ini pyproject.toml ./
COPY migrations/ migrations/
COPY src/ src/
RUN python -m pip wheel --no-index --no-deps --no-build-isolation --wheel-dir dist . \
    && python -m pip --python /opt/roster install --no-index --no-deps dist/*.whl

FROM ${PYTHON_IMAGE}
LABEL org.opencontainers.image.title="Roster" \
      org.opencontainers.image.description="A directory of users and roles behind one GraphQL API." \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/roster /opt/roster
ENV PATH=/opt/roster/bin:$PATH
# By number, so that an orchestrator can see that it is not root.
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 CMD ["roster", "healthcheck"]
# Nobody can reach a container's loopback addresses. On all others it does not start without access control.
CMD ["roster", "serve", "--host", "0.0.0.0"]
