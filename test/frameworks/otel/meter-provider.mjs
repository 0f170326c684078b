import { metrics } from '@opentelemetry/api';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { reader } from './metrics.mjs';

metrics.setGlobalMeterProvider(new MeterProvider({ readers: [reader] }));
