import type { AttributeValue } from '@agent-custody/chain';
import { detectResources, envDetector, type Resource } from '@opentelemetry/resources';

/** What OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES say. */
export function environmentResource(): Resource {
  return detectResources({ detectors: [envDetector] });
}

/** A resource as the evidence channel carries it: strings and integers; anything else as text. */
export function evidenceResource(resource: Resource, serviceName: string): Record<string, AttributeValue> {
  const plain: Record<string, AttributeValue> = { 'service.name': serviceName };
  for (const [key, value] of Object.entries(resource.attributes)) {
    if (typeof value === 'string' || Number.isSafeInteger(value)) plain[key] = value as string | number;
    else if (value !== undefined && value !== null) plain[key] = String(value);
  }
  return plain;
}
