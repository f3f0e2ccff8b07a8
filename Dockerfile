# Convscope as a user without rights on a file system that nobody writes to:
#   docker build -t convscope .
#   docker run --read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges \
#     -v convscope-images:/images -p 8000:8000 -e CONVSCOPE_TOKEN=… convscope
FROM python:3.13-slim-trixie AS build
WORKDIR /source
COPY requirements.lock .
RUN python -m venv /opt/convscope \
    && /opt/convscope/bin/pip install --no-cache-dir --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE CHANGELOG.md ./
COPY app app
COPY static static
COPY templates templates
RUN /opt/convscope/bin/pip install --no-cache-dir --no-deps .

FROM python:3.13-slim-trixie
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin convscope \
    && install -d -o convscope -g convscope /images
COPY --from=build /opt/convscope /opt/convscope
USER 10001
ENV CONVSCOPE_HOST=0.0.0.0 \
    CONVSCOPE_STORE_DIR=/images \
    CONVSCOPE_LOG_FORMAT=json \
    PYTHONDONTWRITEBYTECODE=1
VOLUME /images
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s \
    CMD ["/opt/convscope/bin/python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/readyz', timeout=2)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["/opt/convscope/bin/convscope"]
CMD ["serve"]
