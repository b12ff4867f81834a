namespace Harness.Reports;

/// <summary>Text that cannot write over what is around it.</summary>
public static class Printable
{
    /// <summary>Every control character as U+FFFD, line ends too.</summary>
    public static string Of(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return text.Any(char.IsControl) ? string.Concat(text.Select(c => char.IsControl(c) ? '\uFFFD' : c)) : text;
    }

    /// <summary>Every control character but line ends as U+FFFD.</summary>
    public static string Lines(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return text.Any(IsForbidden) ? string.Concat(text.Select(c => IsForbidden(c) ? '\uFFFD' : c)) : text;
    }

    private static bool IsForbidden(char c) => c != '\n' && char.IsControl(c);
}
