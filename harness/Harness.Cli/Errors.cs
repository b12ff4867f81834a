namespace Harness.Cli;

/// <summary>The command line, a token or a file cannot be understood: exit code 2, one line.</summary>
public sealed class UsageException(string message) : Exception(message);
