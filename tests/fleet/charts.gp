# Requests of each second to the API server, stacked by kind: one chart a storm.
#   gnuplot -e "data='target/scale'; charts='docs/scale'" tests/fleet/charts.gp
set datafile separator tab
set terminal pngcairo size 1100,420 font "DejaVu Sans,10"
set style fill solid 1.0 noborder
set key outside right top reverse Left invert
set grid y
set ylabel "requests a second"
set yrange [0:*]
limit = 500
array colours[7] = ["#4477aa", "#66ccee", "#cc3311", "#ee9977", "#000000", "#aa3377", "#dddddd"]
array names[7] = ["list", "watch", "create Event", "patch Event", "read Events", "/livez", "nobody there"]
array storms[4] = ["calm", "restart", "outage", "bad-image"]
array titles[4] = ["An hour in which nothing happens", "All agents restarted within a second", "API server away for ten minutes, and back at 600 s", "One bad image on every node within 20 s"]
do for [s = 1:4] {
    set output sprintf("%s/%s.png", charts, storms[s])
    set title sprintf("%s: 5,000 nodes", titles[s])
    set xlabel "seconds"
    # From the top of the stack down, so that each covers what is below it.
    plot for [k = 7:1:-1] sprintf("%s/%s.tsv", data, storms[s]) skip 1 \
        using 1:(sum [i = 2:k + 1] column(i)) with boxes lc rgb colours[k] title names[k], \
        limit with lines lw 1 dt 2 lc rgb "#555555" title "at most"
}
