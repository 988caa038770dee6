# rankd in a container: two stages, the toolchain builds and a slim image runs.
# tests/container.rs tests this file (the target of the build command, the entry point, the health check, the stop signal)
# without a container engine; the image build itself is untested. config/container/build makes the same image of a binary.

FROM rust:1.95-slim-trixie AS build
# jemalloc and the interpreter of scripts are built from their sources: the image has a C compiler, but no make and no C++ compiler.
RUN apt-get update \
 && apt-get install --yes --no-install-recommends make g++ \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY Cargo.toml Cargo.lock ./
COPY config config
COPY docs docs
COPY benches benches
COPY src src
RUN cargo build --release --locked --bin rankd

FROM debian:trixie-slim
RUN groupadd --system --gid 999 rankd \
 && useradd --system --uid 999 --gid rankd --no-create-home --home-dir /data rankd \
 && install --directory --owner rankd --group rankd /data
COPY --from=build /source/target/release/rankd /usr/local/bin/rankd
USER rankd
WORKDIR /data
VOLUME /data
EXPOSE 6379
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=3s --start-period=60s --retries=3 CMD ["rankd", "ping"]
ENTRYPOINT ["rankd"]
# The container network decides which clients can reach the port. Without a password restrict access to it, or set
# RANKD_REQUIREPASS.
CMD ["--dir", "/data", "--bind", "0.0.0.0", "--protected-mode", "no"]
