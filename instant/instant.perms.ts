// For those who push with `npx instant-cli push perms`. The truth is perms.json beside this file.
import rules from "./perms.json";

export default rules;
