# The service in a small image. `make test-image` runs these very steps in a plain Debian 13 root.
FROM debian:trixie-slim AS build
WORKDIR /src
COPY .ci/deps .ci/deps
RUN .ci/deps build
COPY . .
RUN make -j"$(nproc)" && make install PREFIX=/usr DESTDIR=/out

FROM debian:trixie-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates \
        libhiredis1.1.0 libjansson4 libmicrohttpd12t64 librdkafka1 libssl3t64 libunistring5 \
        libxxhash0 libyyjson0 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --user-group --no-create-home --home-dir /nonexistent \
        --shell /usr/sbin/nologin unstale
COPY --from=build /out/usr/bin/unstale /usr/bin/unstale
COPY config /etc/unstale
WORKDIR /etc/unstale
ENV UNSTALE_CONFIG=/etc/unstale/unstale.json \
    UNSTALE_RULES=/etc/unstale/rules \
    UNSTALE_HTTP_LISTEN=0.0.0.0:8089
EXPOSE 8089
USER 10001:10001
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 CMD ["unstale", "healthcheck"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["unstale"]
CMD ["run"]
