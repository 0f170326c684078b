import {
  BigValueColorMode,
  BigValueGraphMode,
  BigValueTextMode,
  GraphDrawStyle,
  LegendDisplayMode,
  LegendPlacement,
  ReduceDataOptionsBuilder,
  StackingConfigBuilder,
  StackingMode,
  TooltipDisplayMode,
  VisibilityMode,
  VizLegendOptionsBuilder,
  VizTooltipOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common';
import { ThresholdsConfigBuilder, ThresholdsMode } from '@grafana/grafana-foundation-sdk/dashboard';
import { PanelBuilder as StatPanel } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as TimeSeriesPanel } from '@grafana/grafana-foundation-sdk/timeseries';
import { WORDS } from './colours.js';

/** What every panel says of itself. */
export interface About {
  readonly title: string;
  /** What it shows and, where that is not plain, how to read it. */
  readonly description: string;
  readonly unit: string;
  /** Columns of 24. */
  readonly width: number;
  readonly height: number;
}

/** Green up to a bound, and another colour from there. */
export function colouredFrom(bound: number, color: string): ThresholdsConfigBuilder {
  return new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps([
    { value: null, color: 'green' },
    { value: bound, color },
  ]);
}

const plain = (): ThresholdsConfigBuilder =>
  new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps([{ value: null, color: 'text' }]);

/** A figure, or a few. @param from where it turns from green to the colour; absent: it is never judged */
export function figure(about: About, from?: { readonly bound: number; readonly color: string }): StatPanel {
  return new StatPanel()
    .title(about.title)
    .description(about.description)
    .unit(about.unit)
    .span(about.width)
    .height(about.height)
    .noValue('0')
    .graphMode(BigValueGraphMode.None)
    .colorMode(BigValueColorMode.Value)
    .textMode(BigValueTextMode.Auto)
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']))
    .thresholds(from === undefined ? plain() : colouredFrom(from.bound, from.color));
}

/** Words as figures: the last value of each of these fields. */
export function words(about: About, fields: RegExp): StatPanel {
  return figure(about)
    .noValue('not judged yet')
    .mappings(WORDS)
    .textMode(BigValueTextMode.ValueAndName)
    .colorMode(BigValueColorMode.Background)
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']).fields(String(fields)));
}

/** Lines over time, with their latest and highest values in the legend. */
export function lines(about: About): TimeSeriesPanel {
  return new TimeSeriesPanel()
    .title(about.title)
    .description(about.description)
    .unit(about.unit)
    .span(about.width)
    .height(about.height)
    .min(0)
    .lineWidth(1)
    .fillOpacity(10)
    .showPoints(VisibilityMode.Never)
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi))
    .legend(
      new VizLegendOptionsBuilder()
        .displayMode(LegendDisplayMode.Table)
        .placement(LegendPlacement.Bottom)
        .showLegend(true)
        .calcs(['last', 'max']),
    );
}

/** Counts over time, one on top of another. */
export function bars(about: About): TimeSeriesPanel {
  return lines(about)
    .drawStyle(GraphDrawStyle.Bars)
    .fillOpacity(80)
    .stacking(new StackingConfigBuilder().mode(StackingMode.Normal).group('A'))
    .legend(
      new VizLegendOptionsBuilder().displayMode(LegendDisplayMode.List).placement(LegendPlacement.Bottom).showLegend(true).calcs(['sum']),
    );
}
