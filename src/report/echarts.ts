import { LineChart } from 'echarts/charts';
import { GridComponent, MarkLineComponent } from 'echarts/components';
import { init, use } from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';

// Only what the plots here are made of. The build makes one file of it: the library's own hundreds of them take a
// second to load and 50 MB to hold, in each process that draws.
use([LineChart, GridComponent, MarkLineComponent, SVGRenderer]);

export { init };
