import type * as cog from '@grafana/grafana-foundation-sdk/cog';
import {
  type Dashboard,
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  type Panel,
  RowBuilder,
  type VariableModel,
} from '@grafana/grafana-foundation-sdk/dashboard';
import type { FieldLink } from './links.js';

/** Every dashboard has it, and links to those that have it. */
const TAG = 'agent-custody';

/** A panel whose id is set last, in the order of the dashboard. */
interface NumberedPanel extends cog.Builder<Panel> {
  id(id: number): this;
}

export interface Section {
  readonly title: string;
  readonly panels: readonly NumberedPanel[];
}

interface Page {
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  readonly variables: readonly cog.Builder<VariableModel>[];
  readonly sections: readonly Section[];
  /** Pages elsewhere, opened beside it. */
  readonly elsewhere?: readonly FieldLink[];
}

/** A dashboard of sections, with links to the others that keep time and variables. */
export function dashboard({ uid, title, description, variables, sections, elsewhere = [] }: Page): Dashboard {
  const builder = new DashboardBuilder(title)
    .uid(uid)
    .description(description)
    .tags([TAG])
    .time({ from: 'now-6h', to: 'now' })
    .refresh('1m')
    .tooltip(DashboardCursorSync.Crosshair)
    .link(
      new DashboardLinkBuilder('Agent custody')
        .type(DashboardLinkType.Dashboards)
        .tags([TAG])
        .includeVars(true)
        .keepTime(true)
        .asDropdown(false),
    )
    .variables([...variables]);
  for (const { title: to, url } of elsewhere)
    builder.link(new DashboardLinkBuilder(to).type(DashboardLinkType.Link).icon('external link').url(url).targetBlank(true));
  let id = 0;
  for (const section of sections) {
    builder.withRow(new RowBuilder(section.title).id(++id));
    for (const panel of section.panels) builder.withPanel(panel.id(++id));
  }
  const built = builder.build();
  // The default of the builder hides links in a menu.
  return { ...built, links: (built.links ?? []).map(({ placement: _hidden, ...link }) => link) };
}
