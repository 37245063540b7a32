// The lines that send telemetry here, for copying: addresses are those that this program listens on. Pure.

export interface Recipe {
  id: string;
  name: string;
  /** What it is for, in one sentence. */
  about: string;
  text: string;
}

interface Receiver {
  name: string;
  listen: string;
}

/** Host and port as another process writes them; a listener on all addresses is reached by the page's own name. */
function address(receivers: Receiver[], wanted: RegExp, port: number, pageHost: string): string {
  const found = receivers.find((one) => wanted.test(one.name)) ?? receivers.find((one) => one.listen.endsWith(`:${port}`));
  if (!found) return `${pageHost}:${port}`;
  const cut = found.listen.lastIndexOf(':');
  const host = found.listen.slice(0, cut).replace(/^\[|\]$/g, '');
  const open = host === '' || host === '0.0.0.0' || host === '::' || host === '*';
  return `${open ? pageHost : host}:${found.listen.slice(cut + 1)}`;
}

const split = (at: string): [string, string] => [at.slice(0, at.lastIndexOf(':')), at.slice(at.lastIndexOf(':') + 1)];

export function recipes(receivers: Receiver[], pageHost: string): Recipe[] {
  const host = pageHost || 'localhost';
  const http = address(receivers, /otlp.*http|http.*otlp/, 4318, host);
  const [forwardHost, forwardPort] = split(address(receivers, /forward/, 24224, host));
  const [datadogHost, datadogPort] = split(address(receivers, /datadog|ddtrace|trace_agent/, 8126, host));
  return [
    {
      id: 'firelens',
      name: 'FireLens',
      about: 'Logs of an ECS task: Outrigger as the log router beside your container.',
      text: [
        '{"name": "app", "image": "…", "logConfiguration": {"logDriver": "awsfirelens"}},',
        '{"name": "log_router", "image": "outrigger", "essential": true,',
        ' "firelensConfiguration": {"type": "fluentbit", "options": {"enable-ecs-log-metadata": "true"}}}',
        '',
        `# or from any Fluent Bit: fluent-bit -i cpu -o forward -p host=${forwardHost} -p port=${forwardPort}`,
      ].join('\n'),
    },
    {
      id: 'otlp',
      name: 'OTLP',
      about: 'Logs, traces and metrics of anything that speaks OpenTelemetry.',
      text: [`export OTEL_EXPORTER_OTLP_ENDPOINT=http://${http}`, 'export OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf', 'export OTEL_SERVICE_NAME=shop'].join('\n'),
    },
    {
      id: 'ddtrace',
      name: 'ddtrace',
      about: "Traces of Datadog's tracers, unchanged: they take Outrigger for the agent.",
      text: [`export DD_TRACE_AGENT_URL=http://${datadogHost}:${datadogPort}`, 'export DD_SERVICE=shop', 'ddtrace-run python app.py'].join('\n'),
    },
    {
      id: 'curl',
      name: 'curl',
      about: 'One log record by hand, to see it arrive.',
      text: [
        `curl -s http://${http}/v1/logs -H 'content-type: application/json' -d '{"resourceLogs":[{"resource":{"attributes":[`,
        `  {"key":"service.name","value":{"stringValue":"hello"}}]},"scopeLogs":[{"logRecords":[{`,
        `  "timeUnixNano":"'$(date +%s%N)'","severityText":"INFO","body":{"stringValue":"hello from curl"}}]}]}]}'`,
      ].join('\n'),
    },
  ];
}
