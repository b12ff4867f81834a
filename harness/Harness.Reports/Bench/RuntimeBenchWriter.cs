using System.Globalization;
using Harness.Campaigns;

namespace Harness.Reports;

/// <summary>Keeps a result of <c>bench runtime</c>: as JSON, and as a page.</summary>
public static class RuntimeBenchWriter
{
    /// <returns>The path of the page.</returns>
    /// <exception cref="ResultsUnwritableException"/>
    public static string Write(ResultsLayout layout, RuntimeBenchResult result, string repeat)
    {
        ArgumentNullException.ThrowIfNull(layout);
        ArgumentNullException.ThrowIfNull(result);
        try
        {
            Directory.CreateDirectory(layout.Bench);
            var stem = string.Create(CultureInfo.InvariantCulture, $"runtime-{result.StartedAt.UtcDateTime:yyyyMMdd-HHmmss}");
            for (var suffix = 1; ; suffix++)
            {
                var path = Path.Combine(layout.Bench, suffix == 1 ? stem : $"{stem}-{suffix}");
                if (TryCreate(path + ".json", result.ToJson()))
                {
                    File.WriteAllText(path + ".html", RuntimeBenchHtml.Render(result, repeat));
                    return path + ".html";
                }
            }
        }
        catch (Exception e) when (ResultsUnwritableException.IsAboutStorage(e))
        {
            throw new ResultsUnwritableException(layout.Root, e);
        }
    }

    /// <summary>False: another run of the same second has the name.</summary>
    private static bool TryCreate(string path, string text)
    {
        try
        {
            using var file = new StreamWriter(new FileStream(path, FileMode.CreateNew, FileAccess.Write));
            file.Write(text);
            return true;
        }
        catch (IOException) when (File.Exists(path))
        {
            return false;
        }
    }
}
