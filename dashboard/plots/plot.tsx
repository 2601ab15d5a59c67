import type { GridComponentOption, LineSeriesOption, TooltipComponentOption } from 'echarts';
import type { ComposeOption, ECharts } from 'echarts/core';
import { useEffect, useRef } from 'preact/hooks';
import { useShownTheme } from '../parts/theme.js';

export type PlotOption = ComposeOption<LineSeriesOption | GridComponentOption | TooltipComponentOption>;

/** Colours of the page as values: what is drawn cannot take them from CSS. */
export interface Colors {
  ink: string;
  quiet: string;
  rule: string;
  paper: string;
  series: string[];
}

function colors(): Colors {
  const style = getComputedStyle(document.documentElement);
  const of = (name: string) => style.getPropertyValue(`--${name}`).trim();
  return {
    ink: of('ink'),
    quiet: of('quiet'),
    rule: of('rule'),
    paper: of('paper'),
    series: [0, 1, 2, 3, 4, 5, 6, 7].map((n) => of(`c${n}`)),
  };
}

/** A plot that follows its box and the theme. `label` says in words what it shows; the numbers stand in tables. */
export function Plot({
  option,
  label,
  height = 260,
}: {
  option: (colors: Colors) => PlotOption;
  label: string;
  height?: number;
}) {
  const box = useRef<HTMLDivElement>(null);
  const chart = useRef<ECharts>();
  const theme = useShownTheme();
  // Drawn from nothing each time: what is there could stay as an earlier size or theme left it.
  const draw = useRef(() => {});
  draw.current = () => {
    chart.current?.clear();
    chart.current?.setOption(option(colors()));
  };

  useEffect(() => {
    let gone = false;
    let observer: ResizeObserver | undefined;
    void import('./echarts.js').then(({ init }) => {
      if (gone || !box.current) return;
      const place = box.current;
      // Told of the size at once, then of each change.
      observer = new ResizeObserver(() => {
        if (place.clientWidth === 0) return;
        if (chart.current) chart.current.resize();
        else chart.current = init(place, null, { renderer: 'svg' });
        draw.current();
      });
      observer.observe(place);
    });
    return () => {
      gone = true;
      observer?.disconnect();
      chart.current?.dispose();
      chart.current = undefined;
    };
  }, []);

  useEffect(() => draw.current(), [option, theme]);

  return <div ref={box} class="plot" role="img" aria-label={label} style={{ height: `${height}px` }} />;
}
